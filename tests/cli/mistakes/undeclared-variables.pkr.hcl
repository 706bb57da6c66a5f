variable "instance_type" {
  default = "small"
}

variable "region" {
  default = "eu"
}

locals {
  name = "web-${var.regoin}-${var.instance-type}-${local.region}-${vars.region}-${variable.region}-${locals.name}"
}

source "null" "web" {
  communicator = "none"
  ssh_host     = "${regoin}.example.com"
}

build {
  sources = ["source.null.web"]
}
