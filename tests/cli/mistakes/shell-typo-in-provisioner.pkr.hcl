source "null" "web" {
  communicator = "none"
}

build {
  sources = ["source.null.web"]

  provisioner "shel-local" {
    inline = ["make image"]
  }
}
