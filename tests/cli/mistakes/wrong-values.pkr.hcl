variable "ports" {
  type    = list(number)
  default = ["http"]
}

variable "size" {
  type    = number
  default = "10G"
}

variable "tags" {
  type    = map(string)
  default = { Name = ["web"] }
}

variable "disk" {
  type    = object({ size = number, name = string })
  default = { size = 10 }
}

source "null" "web" {
  communicator = "none"
  ssh_port     = "ssh"
  ssh_timeout  = 5
}

build {
  sources = ["source.null.web"]
}
