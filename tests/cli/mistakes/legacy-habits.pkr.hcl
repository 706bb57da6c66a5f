variable "region" {
  type    = "string"
  default = "eu"
}

variable "ports" {
  type    = "list"
  default = []
}

source "null" "web" {
  communicator = "none"
  ssh_host     = "{{user `region`}}.example.com"
  ssh_username = "{{ env `USER` }}"
}

build {
  sources = ["source.null.web"]

  provisioner "shell-local" {
    inline = ["echo {{ isotime }} {{ build `ID` }} {{ .Foo }}"]
  }
}
