diagnostics {
  error {
    summary = "Invalid expression"
    from {
      line   = 2
      column = 16
    }
    to {
      line   = 2
      column = 17
    }
  }
  error {
    summary = "Unterminated template string"
    from {
      line   = 3
      column = 18
    }
    to {
      line   = 3
      column = 20
    }
  }
  error {
    summary = "Missing item separator"
    from {
      line   = 7
      column = 23
    }
    to {
      line   = 7
      column = 31
    }
  }
}
