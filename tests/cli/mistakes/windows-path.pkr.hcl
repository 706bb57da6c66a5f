source "null" "web" {
  communicator = "none"
}

build {
  sources = ["source.null.web"]

  provisioner "shell-local" {
    inline = ["dir C:\Windows\System32", "type C:\temp\new.txt"]
  }
}
