varaible "a" {
  defualt = 1
}

lcoals {
  b = var.a
  c = local.b
}

dtaa "null" "d" {
  input = "x"
}

soruce "null" "web" {
  communicator = "none"
  ssh_host     = data.null.d.output
}

biuld {
  soruces = ["source.null.web"]

  provisoner "shell-local" {
    inline = [local.c]
  }
}
