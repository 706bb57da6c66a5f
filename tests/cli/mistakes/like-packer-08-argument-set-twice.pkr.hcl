source "null" "box" {
  communicator = "none"
  communicator = "ssh"
}
build { sources = ["null.box"] }
