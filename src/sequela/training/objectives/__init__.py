"""What can be trained: one class per objective."""
