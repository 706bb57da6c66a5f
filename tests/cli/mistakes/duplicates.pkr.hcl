variable "region" {}

variable "region" {
  default = "eu"
}

locals {
  name = "a"
}

locals {
  name = "b"
}

source "null" "web" {
  communicator = "none"
  ssh_host     = "a"
  ssh_host     = "b"
}

source "null" "web" {
  communicator = "none"
}

build {
  sources = ["source.null.web", "source.null.web"]
}
