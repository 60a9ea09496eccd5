"""The use cases. One public function is one use case, and one transaction if it writes."""
