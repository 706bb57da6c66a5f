variable "region" {
  default "eu"
}

source "null" "web" {
  communicator "none"
  ssh_host: "example.com"
  ssh_port => 22
  ssh_username == "root"
}

build {
  sources ["source.null.web"]
}
