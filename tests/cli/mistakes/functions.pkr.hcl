variable "name" {
  default = "Web"
}

locals {
  a = uper(var.name)
  b = lowercase(var.name)
  c = upper()
  d = upper(var.name, "x")
  e = replace(var.name, "W")
  f = concat("a", "b")
  g = file("scripts/missing.sh")
  h = jsondecode("{ not json }")
  i = regex("(", var.name)
  j = Upper(var.name)
  k = env("HOME")
  l = toString(3)
  m = str(3)
  n = len(var.name)
  o = lookup({ a = 1 }, "b")
  p = base64_encode(var.name)
  q = upper(lwer(var.name))
  r = timestamp("x")
  s = upper var.name
}

source "null" "web" {
  communicator = "none"
}

build {
  sources = ["source.null.web"]
}
