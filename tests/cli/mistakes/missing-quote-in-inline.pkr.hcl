source "null" "web" {
  communicator = "none"
}

build {
  sources = ["source.null.web"]

  provisioner "shell-local" {
    inline = [
      "apt-get update",
      "apt-get install -y nginx,
      "systemctl enable nginx",
    ]
  }
}
