source "null" "web" {
  Communicator = "none"
  ssh_user     = "root"
  ssh-host     = "example.com"
  sshport      = 22
  boot_command = ["<enter>"]
}

build {
  sources = ["source.null.web"]

  provisioner "shell-local" {
    script = "a.sh"
    command = "x"
    enviroment_vars = ["A=1"]
    environment = { A = "1" }
    pause-before = "1s"
    onyl = ["null.web"]
  }

  provisioners "shell-local" {
    inline = ["true"]
  }

  post-procesor "manifest" {}

  post-processor "manifst" {}

  post-processor "manifest" {
    ouput = "m.json"
  }

  post_processor "checksum" {}
}
