result = {
  wrapped   = [1, 2]
  joined    = "a1btrue"
  nested    = "xy"
  escapes   = "tab\t quote\" backslash\\ é 😀"
  dollars   = "$ $$ $${x} yes 100% %%{"
  strip     = "abc"
  condition = "less"
  no_else   = "[]"
  loop      = "a=1;b=2;"
}
