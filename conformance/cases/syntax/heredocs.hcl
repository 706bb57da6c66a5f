plain = <<EOT
one
  two \n "three"
EOT
flush = <<-EOT
    one
      two

    three
  EOT
escaped = <<EOT
$${x} %%{y} $z 100%
EOT
with_values = <<-EOT
  1 + 1 = ${1 + 1}
  %{ for x in ["a", "b"] ~}
  - ${x}
  %{ endfor ~}
EOT
empty = <<EOT
EOT
in_call = upper(<<EOT
inside
EOT
)
marker_in_line = <<EOT
EOT is not the end here
EOT
nested = <<A
${<<A
inner
A
}
A
