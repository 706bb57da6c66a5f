source "null" "box" { communicator = "none" }
build {
  sources = ["null.box"]
  provisioner "shel" { inline = ["true"] }
}
