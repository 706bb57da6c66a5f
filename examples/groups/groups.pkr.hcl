# A group is a piece of a build that builds use again and again: provisioners and post-processors, with inputs.
#
#     hclimg plan examples/groups      says of each step which group it comes from
#     hclimg apply examples/groups

# Checks what a provisioner left behind.
group "expect" {
  input "file" {
    type        = string
    description = "The file that has to be there."
  }
  input "text" {
    type        = string
    default     = ""
    description = "What has to stand in it."
  }

  provisioner "shell-local" {
    inline = ["grep -q '${input.text}' ${input.file} && echo '${input.file} is right'"]
  }
}

group "site" {
  input "title" {
    type = string
    validation {
      condition     = length(input.title) > 3
      error_message = "A title has more than three characters."
    }
  }
  input "pages" {
    type    = set(string)
    default = ["index"]
  }

  provisioner "shell-local" {
    for_each = input.pages
    inline   = ["mkdir -p build/${source.name}", "echo '<h1>${input.title}</h1>' > build/${source.name}/${each.key}.html"]
  }

  # Groups can use groups.
  use "expect" {
    for_each = input.pages
    file     = "build/${source.name}/${each.key}.html"
    text     = input.title
  }

  post-processors {
    post-processor "artifice" {
      files = [for page in input.pages : "build/${source.name}/${page}.html"]
    }
    post-processor "compress" {
      output = "build/${source.name}.tar.gz"
    }
  }
}
