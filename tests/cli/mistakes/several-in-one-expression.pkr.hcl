locals {
  a = [upper("a" "b"), lower("c" "d"), { x 1 }]
  b = "${upper("a" "b")} and ${lower("c" "d")}"
  c = {
    one   "1"
    two = = 2
    three = [1 2]
    four  = upper(
  }
  d = 1
}

source "null" "web" {
  communicator = "none"
}

build {
  sources = ["source.null.web"]

  provisioner "shell-local" {
    inline = [
      "one" "two",
      'three',
      "fo\ur",
    ]
  }
}
