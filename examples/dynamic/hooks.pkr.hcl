# dynamic blocks generate the blocks that a template needs, as in Packer and Terraform: in components, in build blocks,
# and here also outside of all others.
#
#     hclimg plan examples/dynamic
#     hclimg plan -var 'hooks={ lint = ["echo lint"] }' examples/dynamic

variable "hooks" {
  type = map(list(string))
  default = {
    "10-users"   = ["echo adding users", "echo locking root"]
    "20-network" = ["echo no network"]
  }
}

locals {
  pages = {
    home  = "Welcome"
    about = "Who we are"
  }
}

# A source for each page, with names of its own: file.home, file.about. (for_each on one source would call them
# file.page["home"], file.page["about"].)
dynamic "source" {
  for_each = local.pages
  labels   = ["file", source.key]

  content {
    target  = "build/${source.key}.txt"
    content = source.value
  }
}

build {
  sources = [for page in keys(local.pages) : "source.file.${page}"]

  # The element is called like the block; iterator gives it another name.
  dynamic "provisioner" {
    for_each = var.hooks
    labels   = ["shell-local"]
    iterator = hook

    content {
      name        = hook.key
      inline      = hook.value
      max_retries = 1
    }
  }

  # They nest, and the inner ones see the iterators of the outer ones.
  dynamic "post-processors" {
    for_each = { weak = ["md5", "sha1"], strong = ["sha256"] }

    content {
      dynamic "post-processor" {
        for_each = post-processors.value
        labels   = ["checksum"]

        content {
          name           = post-processors.key
          checksum_types = [post-processor.value]
          output         = "build/${source.name}.${post-processor.value}"
        }
      }
    }
  }
}
