result = {
  precedence  = 5
  comparison  = true
  conditional = 2
  over_lines  = [3, 3]
  object      = { a = 1, "b c" = 2, D = 3, null = 4 }
  indexes     = [3, 5, 6]
  splat       = [1, 2]
  old_splat   = [1]
  null_splat  = []
  list_for    = ["0a", "2c"]
  object_for  = { x = "X", y = "Y" }
  grouped     = { "1" = ["a", "b"], "2" = ["ab"] }
  expanded    = 3
}
