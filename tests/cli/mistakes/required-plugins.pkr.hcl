packer {
  required_version = "1.9"
  required_plugins {
    qemu {
      version = "~> 1"
      source  = "github.com/hashicorp/qemu"
    }
    docker = ">= 1.0"
    amazon = {
      version = "one"
      source  = "hashicorp/amazon"
    }
  }
}

source "null" "web" {
  communicator = "none"
}

build {
  sources = ["source.null.web"]
}
