variables {
  region {
    default = "eu"
  }
}

locals {
  tags {
    Name = "x"
  }
}

variable region {
  default = "x"
}

variable "a" "b" {}

source "null" {
  communicator = "none"
}

source null.web {
  communicator = "none"
}

source "null.web" {
  communicator = "none"
}

source "null" "web" = {
  communicator = "none"
}

build "x" {
  sources = ["source.null.web"]
}

provisioner "shell" {
  inline = ["x"]
}

build {
  variable "x" {}
  description {
    text = "x"
  }
}
