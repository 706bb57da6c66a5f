# What the arguments of heredocs.hcl are.
result = {
  plain          = "one\n  two \\n \"three\"\n"
  flush          = "one\n  two\n\nthree\n"
  escaped        = "$${x} %%{y} $z 100%\n"
  with_values    = "1 + 1 = 2\n  - a\n  - b\n"
  empty          = ""
  in_call        = "INSIDE\n"
  marker_in_line = "EOT is not the end here\n"
  nested         = "inner\n\n"
}
