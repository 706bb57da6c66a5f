variable "token" {
  type      = string
  sensitive = true
}

variable "ports" {
  type = list(number)
}

locals {
  first = var.ports[0] + 1
  names = [for p in var.ports : "port-${p}"]
}

source "null" "web" {
  communicator = "none"
  ssh_host     = "${var.token}.example.com"
  ssh_port     = local.first
}

build {
  name    = var.token
  sources = ["source.null.web"]
}
