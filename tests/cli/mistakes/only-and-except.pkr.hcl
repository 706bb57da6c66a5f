source "null" "web" {
  communicator = "none"
}

source "null" "database" {
  communicator = "none"
}

build {
  name    = "nightly"
  sources = ["source.null.web", "source.null.database"]

  provisioner "shell-local" {
    inline = ["true"]
    only   = ["null.wbe"]
  }

  provisioner "shell-local" {
    inline = ["true"]
    only   = ["web"]
  }

  provisioner "shell-local" {
    inline = ["true"]
    except = ["source.null.web"]
  }

  provisioner "shell-local" {
    inline   = ["true"]
    override = {
      webb = { inline = ["false"] }
      web  = { inlin = ["false"] }
    }
  }

  provisioner "shell-local" {
    inline = ["true"]
    only   = "null.web"
  }
}
