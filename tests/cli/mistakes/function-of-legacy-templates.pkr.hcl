variable "region" {
  default = "eu"
}

source "null" "web" {
  communicator = "none"
  ssh_host     = "{{user `region`}}.example.com"
  ssh_username = "{{ env `USER` }}"
}

build {
  sources = ["source.null.web"]

  provisioner "shell-local" {
    inline          = ["echo {{ isotime }} {{ build `ID` }} {{ .Foo }}"]
    execute_command = ["sh", "-c", "{{ .Vras }} {{ .Script }}"]
  }
}
