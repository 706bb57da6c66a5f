locals {
  a = local.b
  b = "${local.c}-x"
  c = upper(local.a)
  d = local.a
}

source "null" "web" {
  communicator = "none"
  ssh_host     = local.d
}

build {
  sources = ["source.null.web"]
}
