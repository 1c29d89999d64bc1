"""What tests share; nothing here is shipped."""
