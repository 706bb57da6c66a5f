# enabled = false is as if a block was not written. It may depend on variables, locals and data sources.
#
#     hclimg plan examples/enabled                       the small variant
#     hclimg plan -var debug=true examples/enabled       with what helps to find mistakes
#     hclimg plan -var 'formats=["tar"]' examples/enabled

variable "debug" {
  type    = bool
  default = false
}

variable "formats" {
  type    = set(string)
  default = []
}

source "file" "app" {
  target  = "build/app.txt"
  content = "the app\n"
}

# A source that is not enabled gives no build; references to it in sources stay as they are.
source "file" "symbols" {
  enabled = var.debug

  target  = "build/app.debug.txt"
  content = "symbols\n"
}

build {
  sources = [source.file.app, source.file.symbols]

  # A step may ask which source it is for.
  provisioner "shell-local" {
    enabled = source.name == "app"

    inline = ["echo checking the app"]
  }

  provisioner "shell-local" {
    enabled = var.debug

    inline = ["echo building with debug symbols"]
  }

  error-cleanup-provisioner "shell-local" {
    enabled = var.debug

    inline = ["echo keeping logs"]
  }

  # With for_each, enabled may ask for each instance.
  post-processor "compress" {
    for_each = { tar = ".tar", zip = ".zip" }
    enabled  = contains(var.formats, each.key)

    output = "build/${source.name}${each.value}"
  }

  post-processors {
    enabled = !var.debug

    post-processor "checksum" {
      checksum_types = ["sha256"]
      output         = "build/${source.name}.sha256"
    }
  }
}

# The names in a block that is not enabled are checked all the same, so that a misspelt one is found today and not on
# the day on which the block is needed. The plugin of the block may be missing.
build {
  enabled = var.debug

  name    = "second-look"
  sources = [source.file.app]
}
