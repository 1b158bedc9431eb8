-- Stands in for another part's migration of this name until both are merged.
SELECT 1;
