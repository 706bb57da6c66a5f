source "null" "web" {
  communicator = "none"
}

build {
  sources = ["source.null.web"]

  provisioner "shell-local" {
    inline = [
      "echo ${path.modle} ${path.mod} ${packer.versoin} ${build.id} ${build.Hots} ${build.name} ${source.nam}",
      "echo ${source.null.web.name} ${packer.build_name} ${Path.root}",
    ]
  }
}
