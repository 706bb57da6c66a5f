# One block, many images: for_each takes a map, or a set of strings, and makes an instance for each key.
#
#     hclimg plan examples/for_each                                what there is: file.config["eu"], file.config["us"], …
#     hclimg plan -only 'file.config["eu"]' examples/for_each      one instance
#     hclimg plan -only 'file.config' examples/for_each            all instances, without their keys
#     hclimg apply examples/for_each

variable "regions" {
  type = map(object({ domain = string, mirrors = list(string) }))
  default = {
    eu = { domain = "eu.example.org", mirrors = ["ams", "fra"] }
    us = { domain = "us.example.org", mirrors = ["nyc"] }
  }
}

# In a block with for_each, each.key and each.value are the key and the element of the instance.
source "file" "config" {
  for_each = var.regions

  target  = "build/${each.key}/site.conf"
  content = "server_name ${each.value.domain};\n"
}

# Starts from the image of the instance with the same key, and so does not wait for the others.
source "file" "release" {
  for_each = var.regions

  target  = "build/${each.key}/release.txt"
  content = "made of ${artifact.file.config[each.key].path}\n"
}

# All instances together are an object: here, a list of what they made.
source "file" "index" {
  target  = "build/index.txt"
  content = join("\n", [for region, image in artifact.file.config : "${region} ${image.path}"])
}

build {
  # A source without its key stands for all its instances; source.file.config["eu"] would be one of them.
  sources = [source.file.config, source.file.release, source.file.index]

  # Steps can be repeated too. source.key is the key of the source that the step is for, and source.name is
  # config-eu: a name that is safe in the name of a file.
  provisioner "shell-local" {
    for_each = toset(source.name == "index" ? [] : var.regions[source.key].mirrors)

    inline = ["echo ${source.name} goes to the mirror ${each.key}"]
  }

  # A post-processor with for_each is one chain for each key, as if it was written several times.
  post-processor "checksum" {
    for_each = toset(["md5", "sha256"])
    only     = ["file.release"]

    checksum_types      = [each.key]
    output              = "build/${source.key}/release.${each.key}"
    keep_input_artifact = true
  }
}

source "file" "notice" {
  target  = "build/${build.name}.txt"
  content = "for ${build.name} use\n"
}

# A build for each kind of audience, named after it: internal.file.notice, public.file.notice. Without each in its name
# they would be called notice["internal"].file.notice, notice["public"].file.notice.
build {
  for_each = { public = "www-data", internal = "staff" }

  name    = each.key
  sources = [source.file.notice]

  provisioner "shell-local" {
    inline = ["echo readable by ${each.value}"]
  }
}
