variable "password" {
  default   = "hunter2"
  sensitive = true
}

locals {
  a = "${var.password}"[0]
  b = [for c in var.password : c]
  c = regex("[", var.password)
  d = { "${var.password}" = 1, "${var.password}" = 2 }[var.password].x
  e = var.password ? 1 : 2
  f = jsondecode(var.password)
}

source "null" "web" {
  communicator = "none"
  ssh_port     = var.password
}

build {
  sources = ["source.null.web"]
}
