@rem "npm start" begins with exec, so that a POSIX shell makes way for the server. Here it is a command.
@%*
