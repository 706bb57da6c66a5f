variable "region" {
  default = "eu"
  typo    = 1
}

sourc "null" "web" {
  communicatr = "none"
}

build {
  sources = ["source.null.web"]

  provisoner "shell-local" {
    inlin = ["echo ${var.regoin}"]
  }

  unknown "thing" {}

  post-processor "manifest" {
    outptu = "x"
  }
}
