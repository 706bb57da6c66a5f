source "null" "web" {
  communicator = "none"
}

build {
  sources = ["source.null.web"]

  provisioner "shell-local" {
    inline = ["curl -O https://mirror/${VERSION:-1.2}/file"]
  }
}
