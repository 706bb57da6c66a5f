source "null" "web" {
  communicator = "none"
  ssh_host = “a”
}

build {
  sources = ["source.null.web"]
}

sοurce "null" "db" {
  ssh_port = 22
  ѕsh_host = "x"
}

locals {
  a = 1 – 2
  b = 2 × 3
  c = a → b
  d = 1 ≤ 2
  e = “x” + …
}
