//! Ids, resources, flags and text formats shared by master and agent.
