-- A view reads a record that changes nothing here (or nothing any more).
-- needs: view_step
return step(function() return 'passed' end)
