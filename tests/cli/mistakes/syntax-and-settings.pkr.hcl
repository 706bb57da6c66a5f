variable "region" {
  default =
}

source "null" "web" {
  communicatr = "none"
  ssh_host    = "${var.region}.${var.regoin}"
}

build {
  sources = ["source.null.wbe", "source.null.web"]

  provisioner "shell-local" {
    inlin = ["a" "b"]
  }
}
