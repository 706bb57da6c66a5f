source "null" "box" {
  communicator = <<END
none
}
