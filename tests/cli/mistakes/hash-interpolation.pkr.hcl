variable "name" {
  default = "web"
}

source "null" "web" {
  communicator = "none"
  ssh_host     = "#{var.name}.example.com"
  ssh_username = "$(whoami)"
  ssh_password = "$var.name"
}

build {
  sources = ["source.null.web"]
}
