-- Every control plane asks every two seconds which agents have left of late: without this it reads all there ever were.
CREATE INDEX IF NOT EXISTS dispatches_over ON dispatches (since) WHERE state = 'ended';
