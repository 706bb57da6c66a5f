variable "ports" {
  type    = list(number)
  default = [80, "http", 443]
}

variable "disks" {
  type = list(object({ size = number, tags = map(string) }))
  default = [
    { size = 1, tags = { a = "x" } },
    { size = "big", tags = {} },
  ]
}

source "null" "web" {
  communicator = "none"
}

build {
  sources = ["source.null.web"]
}
