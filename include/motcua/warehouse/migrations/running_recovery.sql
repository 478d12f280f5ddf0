-- Runs that died or slept too long: fences.

-- Where the frames of a batch's verdicts lie: each try writes its own, and a late one cannot change another's.
ALTER TABLE core.batch ADD COLUMN staged text;
