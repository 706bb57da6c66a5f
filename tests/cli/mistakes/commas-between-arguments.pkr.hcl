source "null" "web" {
  communicator = "none",
  ssh_host     = "example.com",
  ssh_port     = 22,
}

build {
  sources = ["source.null.web"],
}
