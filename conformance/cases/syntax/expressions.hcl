precedence  = 1 + 2 * 3 - 4 / 2
comparison  = 1 + 1 == 2 && !(3 < 2) || false
conditional = true ? false ? 1 : 2 : 3
over_lines = [
  1 +
  2, # a newline counts for nothing here
  (
    3
  ),
]
object = {
  a = 1, "b c" = 2
  (upper("d")) : 3
  null = 4
}
indexes     = [[[1, 2], [3, 4]][1][0], { a = { b = 5 } }.a.b, { "x" = 6 }["x"]]
splat       = [{ a = [1] }, { a = [2, 3] }][*].a[0]
old_splat   = [{ a = [1] }, { a = [2, 3] }].*.a[0]
null_splat  = null[*]
list_for    = [for i, v in ["a", "b", "c"] : "${i}${v}" if i != 1]
object_for  = { for v in ["x", "y"] : v => upper(v) }
grouped     = { for v in ["a", "b", "ab"] : length(v) => v... }
expanded    = max([1, 3, 2]...)
