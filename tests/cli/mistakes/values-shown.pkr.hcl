variable "region" {
  default = "eu-west-1"
}

variable "password" {
  default   = "hunter2"
  sensitive = true
}

variable "ports" {
  type    = map(number)
  default = { http = 80, https = 443 }
}

locals {
  list    = ["a", "b", "c"]
  sum     = var.region + 1
  hidden  = var.password + 1
  element = local.list[3]
  port    = var.ports["htp"]
  port2   = var.ports.htps
  joined  = join(",", var.region)
  looped  = [for x in var.region : x]
  text    = "ports: ${var.ports}"
  either  = var.region ? 1 : 2
  both    = true ? var.ports : var.region
  object  = { for p in local.list : "same" => p }
  splat   = var.ports[*].name
  neg     = -var.region
  nul     = null
  member  = local.nul.name
  called  = format("%d", var.region)
  many    = cidrsubnet(var.region, 8, 1)
  slice   = slice(local.list, 0, 9)
  long    = [for i in range(100) : "an element with a long text ${i}"].name
}

source "null" "web" {
  communicator = "none"
}

build {
  sources = ["source.null.web"]
}
