source "null" "a" {
  communicator =
  host         = "x
}

build {
  sources = ["null.a" "null.b"]
}
