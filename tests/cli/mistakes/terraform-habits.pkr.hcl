terraform {
  required_version = ">= 1.0"
}

provider "aws" {
  region = "eu-west-1"
}

resource "aws_instance" "web" {
  count = 3
  ami   = data.aws_ami.base.id
}

source "null" "web" {
  count        = 2
  communicator = "none"
  ssh_host     = each.value
  ssh_username = self.name
}

build {
  sources = ["source.null.web"]
}
