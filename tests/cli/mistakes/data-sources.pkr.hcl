data "nul" "a" {}

data "null" "b" {
  inptu = "x"
}

data "null" "c" {
  input = "c"
}

locals {
  a = data.null.d.output
  b = data.null.c.ouptut
  c = data.nul.c.output
  d = data.c.output
  e = date.null.c.output
  f = datas.null.c.output
  g = data.null.b.output
}

source "null" "web" {
  communicator = "none"
  ssh_host     = local.a
}

build {
  name    = data.null.c.output
  sources = ["source.null.web"]
}
