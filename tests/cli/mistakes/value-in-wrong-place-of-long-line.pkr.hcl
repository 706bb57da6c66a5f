variable "name" {
  default = "web"
}

locals {
  everything = join(",", [upper("the first of many words on this line"), upper("the second of many words on this line"), uper(var.name), upper("the last of many words on this line")])
}

source "null" "web" {
  communicator = "none"
}

build {
  sources = ["source.null.web"]
}
